"""Rules of a study at work: which strategy and how many samples a question gets, and answers sampled live."""
