"""Problem sources, prompts, answer extraction and grading: everything that knows what a question looks like."""
