"""Pictures of rows, of a training and of its judgement."""
