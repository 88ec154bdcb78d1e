"""Made-up executions that look like life: as many as one likes, or one after another."""
