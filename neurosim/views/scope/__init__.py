"""The scope: a page that shows a run as it goes, and from which the run can be paused, stepped and changed."""
