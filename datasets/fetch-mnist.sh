#!/usr/bin/env bash
# MNIST (LeCun et al. 1998): 60,000 training and 10,000 test images, 28x28 grey, 10 digits. 11 MB.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh" mnist "$@"
fetch_idx https://ossci-datasets.s3.amazonaws.com/mnist \
    f68b3c2dcbeaaa9fbdd348bbdeb94873 d53e105ee54ea40749a09fcbcd1e9432 \
    9fb629c4189551a2d022fa330f9573f3 ec29112dd5afa0611ce80d1b7f02629c
import_downloaded --format idx
