"""Events of cameras: a file for each format whose words are decoded one by one."""
