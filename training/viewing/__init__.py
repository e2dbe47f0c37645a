"""What ``keel view`` shows, and where: scenes that play themselves, a window, a film."""
