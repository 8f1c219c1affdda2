/* The model image as read-only data. LFM2_IMAGE_FILE is its path, in quotes. */
    .section .rodata
    .balign 64
    .global lfm2_image_begin
lfm2_image_begin:
    .incbin LFM2_IMAGE_FILE
    .global lfm2_image_end
lfm2_image_end:
    .byte 0
    .section .note.GNU-stack, "", %progbits
