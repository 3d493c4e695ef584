#!/usr/bin/env bash
# CIFAR-100 (Krizhevsky 2009): 50,000 training and 10,000 test images, 32x32 RGB, 100 classes. 161 MB.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh" cifar100 "$@"
fetch https://www.cs.toronto.edu/~kriz cifar-100-binary.tar.gz 03b5dce01913d631647c71ecec9e9cb8
unpack cifar-100-binary.tar.gz
import_downloaded --format cifar100
