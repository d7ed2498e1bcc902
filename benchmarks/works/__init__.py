"""The works that are measured, one module each: a generator of samples, round by round."""
