"""Where weights ported from another framework go wrong."""
