"""What is measured of the chip: speeds beside others, and what learning comes to with other constants."""
