"""The fault campaign: a catalogue of faults, each with its declared reaction, on a simulated clock or on live nodes."""
