/*
 * Pictures that are real, and uploads that are only counted.
 *
 * Owns the drawing of a picture: a gradient whose colours follow from its name, as a bitmap, since
 * that needs no compression and its size is known. What is uploaded is not kept; service.c has
 * taken its SHA-256 while it came.
 */
#include "media.h"

#include "dice.h"

enum { WIDTH = 320, HEIGHT = 320, HEAD_BYTES = 54, PIXEL_BYTES = 3 };

static void put_u32(unsigned char *at, unsigned value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (unsigned char)(value >> 8 * i);
}

/* BITMAPFILEHEADER and BITMAPINFOHEADER, 24 bits a pixel; a row needs no padding. */
static void write_head(struct doc *doc)
{
    unsigned char head[HEAD_BYTES] = { 'B', 'M', [26] = 1, [28] = 8 * PIXEL_BYTES };
    put_u32(head + 2, HEAD_BYTES + WIDTH * HEIGHT * PIXEL_BYTES);
    put_u32(head + 10, HEAD_BYTES);
    put_u32(head + 14, 40);
    put_u32(head + 18, WIDTH);
    put_u32(head + 22, HEIGHT);
    put_u32(head + 34, WIDTH * HEIGHT * PIXEL_BYTES);
    doc_append(doc, (const char *)head, sizeof head);
}

static uint64_t number_of(const char *name)
{
    uint64_t number = 0;
    while (*name)
        number = number * 131 + (unsigned char)*name++;
    return number;
}

void media_picture(const struct question *question, struct answer *answer)
{
    struct dice dice = dice_for(number_of(question->name), 0);
    const uint64_t colours = dice_roll(&dice);
    write_head(&answer->doc);
    for (unsigned y = 0; y < HEIGHT; y++) {
        unsigned char row[WIDTH * PIXEL_BYTES];
        for (unsigned x = 0; x < WIDTH; x++) {
            row[x * PIXEL_BYTES] = (unsigned char)(colours + x * 255 / WIDTH);
            row[x * PIXEL_BYTES + 1] = (unsigned char)((colours >> 8) + y * 255 / HEIGHT);
            row[x * PIXEL_BYTES + 2] = (unsigned char)(colours >> 16);
        }
        doc_append(&answer->doc, (const char *)row, sizeof row);
    }
    answer->type = "image/bmp";
}

void media_upload(const struct question *question, struct answer *answer)
{
    struct doc *doc = &answer->doc;
    answer->status = 201;
    doc_object(doc, NULL);
    doc_u64(doc, "bytes", question->body_len);
    doc_text(doc, "sha256", question->sha256);
    doc_object_end(doc);
}
