"""One trial, in a worker: the stopping rule and the schedules (pure), the encoding, the model and the loop."""
