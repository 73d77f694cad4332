"""Training, evaluation, packaging and serving of the network that scores transactions."""
