"""The relay beside the brokers that an operator would pick instead: one job, one generator, one run."""
