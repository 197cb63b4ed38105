"""Programs that write the tables of flags from what the engines themselves say."""
