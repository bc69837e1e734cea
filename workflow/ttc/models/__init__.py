"""Building, training, loading and counting models."""
