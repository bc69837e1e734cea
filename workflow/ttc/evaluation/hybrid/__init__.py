"""The hybrid: after a probe each question stops, samples on, is searched, is revised or asks the larger policy."""
