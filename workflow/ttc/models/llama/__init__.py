"""Forward passes of small Llama-like networks: for training, for decoding, and for verifiers that read step by step.

`decoding` and `pieces` are one arithmetic in two call forms: `pieces` inherits projection, feed-forward and norm.
`training` is apart on purpose.  It works on the network's own parameters, through which gradients flow, while the other
two fold the norms' weights and the attention's scale into matrices once; to share would change bits on one side, or
cost the copies at each step of a training.
"""
