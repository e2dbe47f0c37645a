"""ALOHA two-arm transfer: the right arm takes a cube from the table and hands it to the left arm in the air."""
