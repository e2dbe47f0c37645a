"""What ``keel doctor`` looks at; each probe is a function that returns verdicts and changes nothing on the machine."""
