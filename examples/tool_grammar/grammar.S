/* The compiled grammar of lfm2-grammar, as read-only data. GRAMMAR_FILE is its path, in quotes. */
    .section .rodata
    .balign 4
    .global grammar_begin
grammar_begin:
    .incbin GRAMMAR_FILE
    .global grammar_end
grammar_end:
    .section .note.GNU-stack, "", %progbits
