"""What a question is: sources of problems, prompts, and the text around an answer."""
