"""A trial as Ray sees it: what a process is told, what it answers, where its run lives."""
