#!/usr/bin/env bash
# Fashion-MNIST (Xiao et al. 2017): 60,000 training and 10,000 test images, 28x28 grey, 10 classes.
# 31 MB.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh" fashion-mnist "$@"
fetch_idx http://fashion-mnist.s3-website.eu-central-1.amazonaws.com \
    8d4fb7e6c68d591d4c3dfef9ec88bf0d 25c81989df183df01b3e8a0aad5dffbe \
    bef4ecab320f06d8554ea6380940ec79 bb300cfdad3c16e7a12a480ee83cd310
import_downloaded --format idx \
    --classes 'T-shirt/top,Trouser,Pullover,Dress,Coat,Sandal,Shirt,Sneaker,Bag,Ankle boot'
