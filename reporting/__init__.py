"""The bill, the ten reports, and the proof that they add up."""
