"""How public weights files name their tensors."""
