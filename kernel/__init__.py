"""Time, order, queues and accounting; knows nothing of what the tasks do."""
