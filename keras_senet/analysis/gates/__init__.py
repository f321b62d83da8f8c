"""What the gates of SE blocks are over a data set, as numbers, figures and a report."""
