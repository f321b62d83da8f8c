"""The public weight sets: one record each, and the table of them."""
