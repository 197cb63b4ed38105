"""What a platform costs, from published prices."""
