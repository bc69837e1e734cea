"""What a result is called, and the proof of it: keys, digests, sidecars, manifests.  In no key."""
