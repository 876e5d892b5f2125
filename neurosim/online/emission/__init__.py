"""What a run tells of each sample as it goes: fields, written as records or yielded as events."""
