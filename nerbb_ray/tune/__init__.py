"""Many trials, on the driver: Ray Tune, and Ray Train for trials of several workers."""
