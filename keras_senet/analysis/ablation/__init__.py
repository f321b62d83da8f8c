"""The paper's ablations on a data set of one's own."""
