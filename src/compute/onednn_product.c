/* oneDNN's "brg" matmul kernels are faster than OpenBLAS (AVX-512, one core of an AMD EPYC Zen 4:
 * 110 against 87–101 GFLOP/s); its kernels for older instruction sets are up to twice as slow
 * (AVX2: 50 against 97). dnnl_sgemm would allocate in every call. gemm() has no object to keep a
 * primitive in, so each thread keeps those of the last PRODUCTS shapes; the result depends on the
 * arguments alone. */
#include <omp.h>
#include <string.h>

#include "base/memory.h"
#include "compute/onednn.h"
#include "compute/onednn_primitive.h"

#define PRODUCTS 64

struct Product {
    struct ProductKey {
        int64_t m, n, k, lda, ldb, ldc;
        double beta;
        int64_t transpose_a, transpose_b, threads;
    } key;
    struct Primitive primitive; /* not created if OpenBLAS is to do it */
    void *scratchpad;
};

static _Thread_local struct {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    struct Product *products;
    int count, oldest;
} remembered;

static void product_describe(struct Product *product) {
    const struct ProductKey *key = &product->key;
    dnnl_dims_t a_sizes = {key->m, key->k}, a_strides = {key->lda, 1}, a_turned = {1, key->lda};
    dnnl_dims_t b_sizes = {key->k, key->n}, b_strides = {key->ldb, 1}, b_turned = {1, key->ldb};
    dnnl_dims_t c_sizes = {key->m, key->n}, c_strides = {key->ldc, 1};
    dnnl_memory_desc_t a, b, c;
    CHECK(describe_matrix(&a, a_sizes, key->transpose_a ? a_turned : a_strides) == dnnl_success);
    CHECK(describe_matrix(&b, b_sizes, key->transpose_b ? b_turned : b_strides) == dnnl_success);
    CHECK(describe_matrix(&c, c_sizes, c_strides) == dnnl_success);
    dnnl_primitive_attr_t attributes = primitive__attributes();
    if (key->beta != 0)
        primitive__attach(attributes, append_sum, (float)key->beta);
    if (describe_product(&product->primitive.description, BORROW(a), BORROW(b), BORROW(c),
                         remembered.engine, attributes) != dnnl_success)
        product->primitive.description = NULL;
    dnnl_primitive_attr_destroy(attributes);
    forget_layout(&a);
    forget_layout(&b);
    forget_layout(&c);
}

static void product_make(struct Product *product) {
    const int arguments[] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST};
    product_describe(product);
    const char *implementation = "none";
    if (product->primitive.description)
        dnnl_primitive_desc_query(product->primitive.description, dnnl_query_impl_info_str, 0,
                                  (void *)&implementation);
    if (strncmp(implementation, "brg", 3) != 0)
        return;
    primitive__finish(&product->primitive, remembered.engine, arguments, 3);
    product->scratchpad = memory_allocate(
        primitive__bytes(&product->primitive, DNNL_ARG_SCRATCHPAD), "matrix product");
}

static const struct Product *product_of(const struct ProductKey *key) {
    for (int i = 0; i < remembered.count; i++)
        if (!memcmp(&remembered.products[i].key, key, sizeof *key))
            return &remembered.products[i];
    if (!remembered.count) {
        remembered.products = memory_array(struct Product, PRODUCTS, "matrix products");
        CHECK(dnnl_engine_create(&remembered.engine, dnnl_cpu, 0) == dnnl_success);
        CHECK(dnnl_stream_create(&remembered.stream, remembered.engine,
                                 dnnl_stream_default_flags) == dnnl_success);
    }
    struct Product *product = &remembered.products[remembered.oldest];
    remembered.oldest = (remembered.oldest + 1) % PRODUCTS;
    if (remembered.count == PRODUCTS) {
        primitive__release(&product->primitive);
        memory_release(product->scratchpad);
    } else {
        remembered.count++;
    }
    *product = (struct Product){.key = *key};
    product_make(product);
    return product;
}

bool onednn__multiply(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k,
                      double alpha, const void *a, int64_t lda, const void *b, int64_t ldb,
                      double beta, void *c, int64_t ldc) {
    struct ProductKey key = {m,   n,    k,           lda,         ldb,
                             ldc, beta, transpose_a, transpose_b, omp_get_max_threads()};
    const struct Product *product = alpha == 1 ? product_of(&key) : NULL;
    if (!product || !product->primitive.primitive)
        return false;
    primitive__set(&product->primitive, 0, a);
    primitive__set(&product->primitive, 1, b);
    primitive__set(&product->primitive, 2, c);
    primitive__run(&product->primitive, remembered.stream, product->scratchpad);
    return true;
}
