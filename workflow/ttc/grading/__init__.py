"""Whether an answer is right: found in a text, brought to a normal form, compared."""
