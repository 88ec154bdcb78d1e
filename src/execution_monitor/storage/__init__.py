"""Documents in MongoDB: how they are stored, filtered, sorted, paged and read."""
