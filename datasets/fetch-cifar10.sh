#!/usr/bin/env bash
# CIFAR-10 (Krizhevsky 2009): 50,000 training and 10,000 test images, 32x32 RGB, 10 classes. 162 MB.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh" cifar10 "$@"
fetch https://www.cs.toronto.edu/~kriz cifar-10-binary.tar.gz c32a1d4ab5d03f1284b67883e8d87530
unpack cifar-10-binary.tar.gz
import_downloaded --format cifar10
