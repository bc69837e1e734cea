"""Names of results, and the proof of them: keys, digests, sidecars, manifests.  In no key."""
