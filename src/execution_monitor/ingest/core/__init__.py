"""What every format of recorded runs shares: files, the import, the replay."""
