"""What Relance costs, as ratios to the least that the same work can cost on the same machine."""
