#!/bin/sh
# Prints an admin key of this deployment on standard output, one line.
exec lentil keys "$@"
