"""Forward passes of small Llama-like networks: for training, decoding and verifiers."""
