/* A file as read-only data. PROMPT_FILE is its path, in quotes. */
    .section .rodata
    .balign 8
    .global prompt_begin
prompt_begin:
    .incbin PROMPT_FILE
    .global prompt_end
prompt_end:
    .byte 0
    .section .note.GNU-stack, "", %progbits
