"""Analysis of networks and of their gates."""
