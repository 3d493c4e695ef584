/* Pages of HTML: words stay words, and pictures are part of the page. */
#include "report/page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h> /* after error.h: it has a macro called fail */

#include "store/scratch.h"

static struct Error error;
static char content[1 << 16];

static const char *written(struct Page *page) {
    const char *path = scratch_path("page.html");
    assert_int_equal(page_write(page, path, &error), OK);
    page_release(page);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    content[fread(content, 1, sizeof content - 1, file)] = '\0';
    fclose(file);
    unlink(path);
    return content;
}

static void test_words_are_never_html(void **state) {
    (void)state;
    struct Page page;
    const char *const heads[] = {"<b>", "\"quoted\""};
    page_start(&page, "a <script>alert(1)</script> title");
    page_section(&page, "x & y");
    page_words(&page, "%s", "a\x1b[31m</p><img src=x onerror=alert(2)>");
    page_table(&page, heads, 2);
    page_row(&page);
    page_cell(&page, "%d %%", 5);
    page_shaded_cell(&page, 7, "%s", "</td>");
    page_table_end(&page);
    page_listing(&page, "run.yaml", "a: 1\nb: </pre>\n", false);
    const char *html = written(&page);
    assert_null(strstr(html, "<script"));
    assert_null(strstr(html, "<img"));
    assert_null(strchr(html, '\x1b'));
    assert_non_null(strstr(html, "<h1>a &lt;script&gt;alert(1)&lt;/script&gt; title</h1>"));
    assert_non_null(strstr(html, "<h2>x &amp; y</h2>"));
    assert_non_null(strstr(html, "<th>&quot;quoted&quot;</th>"));
    assert_non_null(strstr(html, "<td>5 %"));
    assert_non_null(strstr(html, "rgba(68,119,170,1.000)\">&lt;/td&gt;"));
    assert_non_null(strstr(html, "a: 1\nb: &lt;/pre&gt;\n</pre>")); /* lines stay lines */
    assert_non_null(strstr(html, "</section>\n</body>\n</html>\n"));
}

/* RFC 4648, section 10. */
static void test_pictures_are_part_of_the_page(void **state) {
    (void)state;
    static const struct {
        const char *bytes, *encoded;
    } cases[] = {{"f", "Zg=="},        {"fo", "Zm8="},        {"foo", "Zm9v"},
                 {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct Page page;
        char expected[64];
        const char *path = scratch_path("picture.png");
        FILE *file = fopen(path, "wb");
        fputs(cases[i].bytes, file);
        fclose(file);
        page_start(&page, "pictures");
        assert_int_equal(page_picture(&page, path, "a \"b\"", &error), OK);
        unlink(path);
        snprintf(expected, sizeof expected, "src=\"data:image/png;base64,%s\"", cases[i].encoded);
        const char *html = written(&page);
        assert_non_null(strstr(html, expected));
        assert_non_null(strstr(html, "alt=\"a &quot;b&quot;\""));
    }
    struct Page page;
    page_start(&page, "none");
    assert_int_equal(page_picture(&page, scratch_path("none.svg"), "none", &error), ERROR_SYSTEM);
    page_release(&page);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_are_never_html),
        cmocka_unit_test(test_pictures_are_part_of_the_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
