/* Text of another host, made safe to print. */
#include "net/printable.h"

#include "tap.h"

int main(void)
{
	char plain[] = " SSH-2.0-~!", unsafe[] = "a\tb\nc\r\033[2Jd\x7f\x80\xff\xc3\xa4", empty[] = "";

	printable(plain);
	same(plain, " SSH-2.0-~!", "printable ASCII is unchanged");
	printable(unsafe);
	same(unsafe, "a?b?c??[2Jd?????", "controls, DEL and bytes above become '?'");
	printable(empty);
	same(empty, "", "empty text");
	return tap_end();
}
