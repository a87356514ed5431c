#!/bin/bash
# Fields of every type from every reader in every split: all of what tests/scripts/every_field.sh takes some of.
EVERY=1 exec bash "$ROOT/tests/scripts/every_field.sh"
