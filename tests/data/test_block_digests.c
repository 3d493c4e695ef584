/* Digests of blocks of images. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/memory.h"
#include "data/dataset/block_digests.h"

#include <cmocka.h>

enum { IMAGE = 1500, IMAGES = 20, BLOCK = 3 }; /* 3 images have 4096 bytes, 2 do not */

static unsigned char pixels[IMAGES][IMAGE];

static void draw(void) {
    for (int i = 0; i < IMAGES; i++)
        for (int j = 0; j < IMAGE; j++)
            pixels[i][j] = (unsigned char)((unsigned)(i * IMAGE + j) * 2654435761u >> 13);
}

/* The digests of the images, which come `each` at a time. */
static struct BlockDigests *make(int64_t total, int64_t each) {
    struct BlockHasher hasher;
    block_digests__hasher(&hasher, IMAGE, total);
    for (int64_t i = 0; i < total; i += each)
        block_digests__hash(&hasher, pixels[i], total - i < each ? total - i : each);
    int64_t count = block_digests__count(hasher.samples, total);
    assert_int_equal(hasher.samples, BLOCK);
    struct BlockDigests *blocks =
        block_digests__make(BLOCK, total, memory_copy_array(hasher.digests, count, "digests"));
    block_digests__end(&hasher);
    return blocks;
}

static void a_block_has_a_page_at_least(void **state) {
    (void)state;
    static const struct {
        size_t image;
        int64_t samples;
    } cases[] = {{1, 4096}, {4095, 2}, {4096, 1}, {4097, 1}, {3072, 2}, {1 << 20, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(block_digests__samples(cases[i].image), cases[i].samples);
}

static void however_images_come(void **state) {
    (void)state;
    draw();
    for (int64_t total = 1; total <= IMAGES; total++)
        for (int64_t each = 1; each <= 7; each++) {
            struct BlockDigests *blocks = make(total, each);
            assert_int_equal(blocks->count, (total + BLOCK - 1) / BLOCK);
            assert_true(block_digests__check_all(blocks, 0, blocks->count, pixels, IMAGE));
            for (int64_t b = 0; b < blocks->count; b++)
                assert_true(block_digests__is_known(blocks, b));
            block_digests__release(blocks);
        }
}

static void every_byte_counts(void **state) {
    (void)state;
    draw();
    for (int image = 0; image < IMAGES; image++)
        for (int byte = 0; byte < IMAGE; byte += 83) {
            struct BlockDigests *blocks = make(IMAGES, IMAGES);
            pixels[image][byte] ^= 1;
            assert_false(block_digests__check_all(blocks, 0, blocks->count, pixels, IMAGE));
            assert_int_equal(blocks->bad, image / BLOCK);
            for (int64_t b = 0; b < blocks->count; b++)
                assert_int_equal(block_digests__is_known(blocks, b), b != image / BLOCK);
            pixels[image][byte] ^= 1;
            block_digests__release(blocks);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_has_a_page_at_least),
        cmocka_unit_test(however_images_come),
        cmocka_unit_test(every_byte_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
