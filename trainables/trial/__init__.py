"""A trial as Ray sees it: its task, its outcomes, the trainable and the driver's actor."""
