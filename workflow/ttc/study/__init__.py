"""A configuration and the plan made from it: specs, artifacts, jobs."""
